/**
 * The capacity model of docs/scaling.md: how many events a second `number` processes carry that do the
 * same work on one machine.
 *
 * @param own microseconds of an event in such a process, which has one thread for it.
 * @param servers microseconds of the same event in the servers on the same machine.
 * @param processors of the machine.
 */
export function capacity({ number, own, servers, processors }) {
  const byThreads = number / own;
  const byMachine = processors / (own + servers);
  return Math.min(byThreads, byMachine) * 1_000_000;
}
