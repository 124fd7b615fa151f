/** The servers that the tests and the benchmark need. */
export const serviceNames = ['postgres', 'mariadb', 'rabbitmq'] as const;

export type ServiceName = (typeof serviceNames)[number];

/** One URL with credentials for each service, good for creating databases and exchanges. */
export type ServiceUrls = Readonly<Record<ServiceName, string>>;

interface Service {
  readonly title: string;
  /** The environment variable that names a server of your own; it wins over everything else. */
  readonly variable: string;
  /** Where a server usually listens, with the credentials it usually has. */
  readonly candidates: readonly string[];
  readonly debianPackage: string;
}

export const services: Readonly<Record<ServiceName, Service>> = {
  postgres: {
    title: 'PostgreSQL',
    variable: 'SIGNALBOX_TEST_POSTGRES',
    // A password does no harm where the server trusts the loopback.
    candidates: [
      'postgres://postgres:postgres@127.0.0.1:5432/postgres',
      'postgres://root:postgres@127.0.0.1:5432/postgres',
    ],
    debianPackage: 'postgresql',
  },
  mariadb: {
    title: 'MariaDB',
    variable: 'SIGNALBOX_TEST_MARIADB',
    candidates: ['mysql://root@127.0.0.1:3306/'],
    debianPackage: 'mariadb-server',
  },
  rabbitmq: {
    title: 'RabbitMQ',
    variable: 'SIGNALBOX_TEST_RABBITMQ',
    candidates: ['amqp://guest:guest@127.0.0.1:5672'],
    debianPackage: 'rabbitmq-server',
  },
};

/** The URL without its password, for messages. */
export function maskUrl(url: string): string {
  if (!URL.canParse(url)) return '(not a URL)';
  const parsed = new URL(url);
  if (parsed.password !== '') parsed.password = '***';
  return parsed.href;
}
