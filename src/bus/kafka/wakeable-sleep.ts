/** Sleeps that end early, all at once, when there is a reason to look again. */
export class WakeableSleep {
  #wakes: (() => void)[] = [];

  async sleep(milliseconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wakes.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  wake(): void {
    for (const wake of this.#wakes.splice(0)) wake();
  }
}
