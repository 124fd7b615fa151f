import { AbstractLogger } from 'typeorm';

/** Keeps TypeORM from printing what the command line reports itself, in its own form. */
export class SilentLogger extends AbstractLogger {
  protected override isLogEnabledFor(): boolean {
    return false;
  }

  protected writeLog(): void {
    // Never called: nothing is enabled.
  }
}
