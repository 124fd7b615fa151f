import { chownSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemUser } from '../../scripts/servers/system-user.js';
import { connectDatabase } from '../../src/config/connect-database.js';
import { startPrivateMariadb } from '../support/private-mariadb.js';
import { makeTlsCertificates } from '../support/tls-certificates.js';

test('a MariaDB that requires TLS takes the address that asks for it, and no other', async () => {
  const certificates = makeTlsCertificates();
  const server = await startPrivateMariadb([], {
    beforeStart: (data) => {
      const user = systemUser('mysql');
      const options = (['Cert', 'Key'] as const).map((kind) => {
        const file = join(data, `server${kind}.pem`);
        copyFileSync(certificates[`server${kind}File`], file);
        if (user !== undefined) chownSync(file, user.uid, user.gid);
        return `--ssl-${kind.toLowerCase()}=${file}`;
      });
      return Promise.resolve(options);
    },
  });
  try {
    await server.query(`CREATE USER bob@'%' IDENTIFIED BY 'pw' REQUIRE SSL`);
    const address = `mariadb://bob:pw@localhost:${server.port}/information_schema`;
    const cipherOf = async (query: string): Promise<unknown> => {
      const source = await connectDatabase(`${address}${query}`);
      try {
        const [row]: { Value: string }[] = await source.query(`SHOW STATUS LIKE 'Ssl_cipher'`);
        return row?.Value;
      } finally {
        await source.destroy();
      }
    };
    for (const query of [
      `?ssl-ca=${certificates.caFile}`,
      `?ssl-mode=VERIFY_IDENTITY&ssl-ca=${certificates.caFile}`,
      '?ssl-mode=REQUIRED',
      '?ssl={"rejectUnauthorized":false}',
    ]) {
      expect(await cipherOf(query), query).toMatch(/AES|CHACHA/);
    }
    // In clear, and with an authority that nobody here knows.
    for (const query of ['', '?ssl=false', '?ssl=true', '?ssl-mode=VERIFY_CA']) {
      await expect(cipherOf(query), query).rejects.toThrow();
    }
  } finally {
    await server.dispose();
    certificates.dispose();
  }
});
