/** Runs `work(open)`, and closes all it has opened when it ends, the last first. */
export async function scoped(work) {
  const opened = [];
  const open = (resource) => {
    opened.push(resource);
    return resource;
  };
  try {
    return await work(open);
  } finally {
    for (const resource of opened.toReversed()) await resource.close();
  }
}
