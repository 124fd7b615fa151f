import { guardListener } from '../../core/errors/guard-listener.js';
import { reportFailure } from '../object-events/report-failure.js';

/** Notices of a ServiceManager, for logs and metrics. Arguments and results are never part of it. */
export type RpcNotice =
  /** A method threw what is no typed error; its caller got METHOD_FAILED. */
  | ({ readonly kind: 'failed'; readonly method: string; readonly error: Error } & {
      readonly service: string;
      readonly request: string;
    })
  /** A request waited past its deadline and was not executed. */
  | ({ readonly kind: 'expired' } & { readonly service: string; readonly request: string })
  /** The caller went away before the method began, so it was not executed. */
  | ({ readonly kind: 'cancelled' } & { readonly service: string; readonly request: string })
  /** A request came a second time and was not executed a second time. */
  | ({ readonly kind: 'duplicate' } & { readonly service: string; readonly request: string })
  /**
   * The caller's address takes messages, and nobody there answers whether the request may be executed;
   * it was not.
   */
  | ({ readonly kind: 'silent' } & { readonly service: string; readonly request: string })
  /** An answer found nobody at its address. */
  | ({ readonly kind: 'unanswered' } & { readonly service: string; readonly request: string })
  /** A message that is none of ours came to an address of ours, and was ignored or dead-lettered. */
  | { readonly kind: 'malformed'; readonly reason: string };

/** Called for each notice, synchronously; what it throws, or rejects with, is ignored. */
export type RpcNoticeListener = (notice: RpcNotice) => void;

/** Calls a listener so that its failure stays its own. Without one, failures of methods are warned of. */
export function rpcNotifier(listener: RpcNoticeListener | undefined): RpcNoticeListener {
  // A broken log or metric must not stop answers.
  if (listener !== undefined) return guardListener(listener);
  return (notice) => {
    if (notice.kind === 'failed') reportFailure(notice.error, undefined);
  };
}
