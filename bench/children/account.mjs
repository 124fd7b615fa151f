/** What this process took for each event since `begin`. `count` tells how many events it has done. */
export function accountOf(count) {
  let before;
  let events;
  return {
    begin() {
      before = process.cpuUsage();
      events = count();
    },
    end() {
      const { user, system } = process.cpuUsage(before);
      return { events: count() - events, microseconds: user + system };
    },
  };
}
