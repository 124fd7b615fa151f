/** Why a delivery was given up. */
export interface HandlingFailure {
  readonly reason: string;
  readonly attempts: number;
  readonly error: Error;
}
