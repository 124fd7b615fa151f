// Preloaded into `signalbox relay`, as its operators do: a reader of metrics that holds a server open, as
// the one of Prometheus does, and exports to a collector that answers or hangs.
import { createServer } from 'node:http';
import { metrics } from '@opentelemetry/api';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';

createServer().listen(0, '127.0.0.1');

const exporter = {
  export({ scopeMetrics }, done) {
    for (const { descriptor, dataPoints } of scopeMetrics.flatMap((scope) => scope.metrics))
      for (const { value } of dataPoints) console.log(`exported ${descriptor.name} ${value}`);
    if (process.env.COLLECTOR !== 'hangs') done({ code: 0 });
  },
  forceFlush: async () => undefined,
  shutdown: async () => undefined,
};
metrics.setGlobalMeterProvider(
  new MeterProvider({
    readers: [
      new PeriodicExportingMetricReader({
        exporter,
        exportIntervalMillis: 3_600_000,
        exportTimeoutMillis: 3_600_000,
      }),
    ],
  }),
);
