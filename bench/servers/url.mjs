/** The URL of a server that `npm run bench` provides. */
export function serverUrl(service) {
  const url = process.env[`SIGNALBOX_TEST_${service}`];
  if (url === undefined) {
    throw new Error(
      `Run \`npm run bench\`: it provides the servers (SIGNALBOX_TEST_${service} is not set).`,
    );
  }
  return url;
}
