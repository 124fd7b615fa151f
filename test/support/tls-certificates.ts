import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TlsCertificates {
  /** PEM. */
  readonly ca: string;
  readonly clientCert: string;
  /** Encrypted with `passphrase`. */
  readonly clientKey: string;
  readonly passphrase: string;
  readonly caFile: string;
  readonly serverCertFile: string;
  readonly serverKeyFile: string;
  dispose(): void;
}

/** Makes an authority, a server certificate for `localhost` and 127.0.0.1, and a client certificate. */
export function makeTlsCertificates(): TlsCertificates {
  const directory = mkdtempSync(join(tmpdir(), 'signalbox-tls-'));
  const file = (name: string): string => join(directory, name);
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
  };
  const passphrase = 'open sesame';
  openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=test authority'); // prettier-ignore
  for (const [name, names] of [
    ['server', 'DNS:localhost,IP:127.0.0.1'],
    ['client', 'DNS:client'],
  ] as const) {
    writeFileSync(file(`${name}.ext`), `subjectAltName = ${names}\n`);
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`); // prettier-ignore
    openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-out', `${name}.pem`, '-days', '2', '-extfile', `${name}.ext`); // prettier-ignore
  }
  openssl('pkcs8', '-topk8', '-in', 'client.key', '-out', 'client.enc.key', '-passout', `pass:${passphrase}`); // prettier-ignore
  return {
    ca: readFileSync(file('ca.pem'), 'utf8'),
    clientCert: readFileSync(file('client.pem'), 'utf8'),
    clientKey: readFileSync(file('client.enc.key'), 'utf8'),
    passphrase,
    caFile: file('ca.pem'),
    serverCertFile: file('server.pem'),
    serverKeyFile: file('server.key'),
    dispose: () => rmSync(directory, { recursive: true, force: true }),
  };
}
