import { canInstall, installPackages } from './debian.js';
import { runCommand } from './run-command.js';

/** A program of somebody else that tests talk to, and how to tell that it is there. */
interface Peer {
  readonly debianPackage: string;
  readonly probe: readonly [command: string, ...args: string[]];
}

/** Other people's producers, consumers and parsers: what they accept is what interoperates. */
const peers: readonly Peer[] = [
  { debianPackage: 'kcat', probe: ['kcat', '-V'] },
  { debianPackage: 'nats-server', probe: ['/usr/sbin/nats-server', '--version'] },
  { debianPackage: 'pgbouncer', probe: ['/usr/sbin/pgbouncer', '--version'] },
  { debianPackage: 'plantuml', probe: ['plantuml', '-version'] },
  // PlantUML draws states with it. Without it a picture of how to get it takes their place, and no error.
  { debianPackage: 'graphviz', probe: ['dot', '-V'] },
  { debianPackage: 'libxml2-utils', probe: ['xmllint', '--version'] },
  // Qt's compiler for SCXML.
  { debianPackage: 'libqt5scxml5-bin', probe: ['/usr/lib/qt5/bin/qscxmlc', '--version'] },
  {
    debianPackage: 'python3-oslo.messaging',
    probe: ['/usr/bin/python3', '-c', 'import oslo_messaging'],
  },
  { debianPackage: 'newsboat', probe: ['newsboat', '--version'] },
  {
    debianPackage: 'python3-feedparser',
    probe: ['/usr/bin/python3', '-c', 'import feedparser'],
  },
];

/** Installs what is missing. Rejects with what to install by hand where that cannot be done here. */
export async function providePeers(): Promise<void> {
  const missing: string[] = [];
  for (const { debianPackage, probe } of peers) {
    const [command, ...args] = probe;
    await runCommand(command, args).catch(() => missing.push(debianPackage));
  }
  if (missing.length === 0) return;
  if (!canInstall()) {
    throw new Error(
      `Install ${missing.join(', ')} (the names of Debian's packages) to run the interop tests.`,
    );
  }
  await installPackages(missing);
}
