import type { JsonObject } from '../json/json.js';
import type { Category } from './category.js';

/**
 * What every event carries, whatever its category. CloudEvents 1.0 attribute names: extensions are
 * lower case and alphanumeric because the standard demands it.
 */
export interface EventAttributes {
  readonly specversion: '1.0';
  /** UUIDv7, stable over every redelivery. */
  readonly id: string;
  /** Who published: `management-server` by default. */
  readonly source: string;
  /** The lifecycle event (`StartRequested`) or the event type (`VM.START`). */
  readonly type: string;
  /** `VirtualMachine/<uuid>`; absent when the event concerns no resource. */
  readonly subject?: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  /** Identifies the schema of `data`. */
  readonly dataschema: string;
  /** The resource's uuid: order is kept for it. */
  readonly partitionkey?: string;
  /** W3C trace context of what caused the event. */
  readonly traceparent?: string;
  readonly category: Category;
  /** Who did it: a user, a service, a scheduler. */
  readonly actor?: string;
  /** Links every event of one request or job. */
  readonly correlationid?: string;
  /** The id of the event that caused this one. */
  readonly causationid?: string;
  readonly account?: string;
  readonly domain?: string;
  readonly project?: string;
  /** The resource's revision after the transition; +1 for each, so that consumers see gaps. */
  readonly revision?: number;
}

/** A resource changed its state, was created (`old: null`) or removed (`new: null`). */
export interface ResourceStateEvent extends EventAttributes {
  readonly category: 'ResourceStateEvent';
  readonly data: {
    readonly event: string;
    readonly old: string | null;
    readonly new: string | null;
    readonly lifecycleVersion: number;
    /** False for a lawful self-transition. */
    readonly changed: boolean;
    readonly reason?: string;
  };
}

/** An operation started, completed or failed. */
export interface ActionEvent extends EventAttributes {
  readonly category: 'ActionEvent';
  readonly data: {
    readonly status: 'Started' | 'Completed' | 'Failed';
    readonly description?: string;
    /** Milliseconds from Started; on Completed and Failed. */
    readonly duration?: number;
    /** The id of the Started event; on Completed and Failed. */
    readonly startid?: string;
    /** On Failed. */
    readonly error?: { readonly name: string; readonly message: string; readonly code?: string };
    readonly details?: JsonObject;
  };
}

/** Something billable began, ended or changed. */
export interface UsageEvent extends EventAttributes {
  readonly category: 'UsageEvent';
  readonly data: { readonly details?: JsonObject };
}

/** Somebody should look. */
export interface AlertEvent extends EventAttributes {
  readonly category: 'AlertEvent';
  readonly data: {
    readonly subject: string;
    readonly body?: string;
    readonly details?: JsonObject;
  };
}

/** A long-running job was submitted, made progress or completed. */
export interface AsyncJobEvent extends EventAttributes {
  readonly category: 'AsyncJobEvent';
  readonly type: 'submit' | 'update' | 'complete';
  readonly data: {
    readonly jobId: string;
    readonly command: string;
    readonly status: 'IN_PROGRESS' | 'SUCCEEDED' | 'FAILED';
    /** 0 to 100. */
    readonly progress?: number;
    readonly result?: JsonObject;
    readonly error?: { readonly name: string; readonly message: string; readonly code?: string };
  };
}

/** Any event that Signalbox publishes; narrow it by `category`. */
export type SignalboxEvent =
  | ResourceStateEvent
  | ActionEvent
  | UsageEvent
  | AlertEvent
  | AsyncJobEvent;
