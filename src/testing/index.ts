/**
 * The test kit: rules of a lifecycle in isolation, crashes at every step, and what every bus must do. Needs
 * no database, no broker and no particular test runner.
 *
 * @module
 */

// Rules in isolation
export { given } from './given.js';
export type { Arrival, Attempt, Given, RefusalCode } from './given.js';
export type { Duration } from './duration.js';
export type { ExpectedEffect } from './effect-match.js';
export type { ExpectedDeadline } from './expectations.js';
export { ExpectationError } from './expectation-error.js';

// Generated paths
export { paths } from './paths/paths.js';
export type { CoverOptions } from './paths/paths.js';
export { follow } from './paths/follow.js';
export type { FollowOptions } from './paths/follow.js';
export type { Path, PathOf, PathOptions } from './paths/path.js';

// The SDK without a database
export { simulate } from './simulation/simulation.js';
export type {
  SimulatedChange,
  SimulatedOutcome,
  SimulatedTransitionOptions,
  Simulation,
} from './simulation/simulation.js';
export type {
  SimulatedEntity,
  SimulatedEntityOf,
  SimulatedLifecycle,
  SimulatedResource,
} from './simulation/simulated-resource.js';
export { RecordedEvents } from './recorded-events.js';
export type { WaitOptions } from './recorded-events.js';

// Lifecycle coverage
export { clearCoverage, readCoverage, recordCoverage } from './coverage/record-coverage.js';
export type { CoverageRecording } from './coverage/record-coverage.js';
export type { CoverageHits, LifecycleHits } from './coverage/coverage-hits.js';
export type { CoverageKind } from './coverage/coverage-items.js';
export { coverageReport, coverageShortfalls } from './coverage/coverage-report.js';
export type {
  CoverageReport,
  CoverageShortfall,
  CoverageThresholds,
  KindCoverage,
  LifecycleCoverage,
} from './coverage/coverage-report.js';
export { coverageText } from './coverage/coverage-text.js';
export type { CoverageTextOptions } from './coverage/coverage-text.js';

// Nothing lost, wherever a process dies
export { crashMatrix } from './crash/crash-matrix.js';
export type { CrashedRun, CrashMatrixOptions, CrashReport } from './crash/crash-matrix.js';
export type { CrashMoment } from './crash/run-crash.js';
export { failpoints } from '../core/failpoints/failpoints.js';
export type { Failpoint } from '../core/failpoints/failpoints.js';
export { deliveryFaults } from './delivery/delivery-faults.js';
export type { DeliveryEvidence } from './delivery/delivery-faults.js';
export type { DeliveryFault, DeliveryFaultCode } from './delivery/delivery-fault.js';
export type { ResourceRow } from './delivery/row-faults.js';
export { deliveryLog } from './delivery/delivery-log.js';
export type { DeliveryLog } from './delivery/delivery-log.js';

// What every bus must do
export { busConformance } from './bus-conformance.js';
export type {
  BusConformanceOptions,
  BusFixture,
  ConformanceNeed,
  ConformanceTest,
} from './bus-conformance/fixture.js';
