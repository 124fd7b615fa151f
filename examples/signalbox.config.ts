import { defineConfig } from 'signalbox';

export default defineConfig({
  database: 'postgres://signalbox_relay@db.example/cloud',
  bus: [
    'amqp://signalbox@mq.example/cloud',
    {
      name: 'audit',
      url: ['amqps://audit@mq1.example', 'amqps://audit@mq2.example'],
      exchange: 'audit',
      unroutable: 'keep',
      tls: { ca: '/etc/signalbox/ca.pem' },
    },
  ],
  source: 'region-1',
  relay: { leaseDuration: 5_000, lagBound: 30_000 },
});
