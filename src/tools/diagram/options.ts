/** One step of a way to point out: `plan()` steps, a trace, or any two states. */
export interface DrawnStep {
  /** The state it leaves, as it stands in the state column. */
  readonly from: string;
  /** The event taken. Absent: every transition between the two states. */
  readonly event?: string;
  /** The state it enters. */
  readonly to: string;
}

/** Options of a diagram. Everything by default; leave out what a page has no room for. */
export interface DiagramOptions {
  /** The reading direction. Default `down`; `right` suits lifecycles with few states. */
  readonly direction?: 'down' | 'right';
  /** The colours: for a light page or a dark one. Default `light`. */
  readonly theme?: 'light' | 'dark';
  /** The usage events, alerts and actions that transitions announce. Default true. */
  readonly effects?: boolean;
  /** The guards of transitions. Default true. */
  readonly guards?: boolean;
  /** The deadlines of states. Timeout transitions are shown in any case. Default true. */
  readonly deadlines?: boolean;
  /**
   * The tags of states, each with a colour of its own; `transitional` ones are dashed. Without them all
   * states look alike. Default true.
   */
  readonly tags?: boolean;
  /** Whether to explain colours and signs, in SVG and PNG. Default true. */
  readonly legend?: boolean;
  /**
   * Transitions that come back to their own state: `inside` lists them in the state's box, `arrows`
   * draws each pair of states with an arrow, this one too. Default `inside`, which keeps large
   * lifecycles legible.
   */
  readonly selfLoops?: 'inside' | 'arrows';
  /**
   * Steps to point out, such as `plan(…).steps`. Default none. Throws ConfigurationError
   * ARGUMENT_INVALID when there is no such state. A difference of two versions has marks of its own.
   */
  readonly highlight?: readonly DrawnStep[];
  /**
   * Draw one state and what is within `distance` transitions of it, in either direction. Default: all.
   * Throws ConfigurationError ARGUMENT_INVALID when there is no such state.
   */
  readonly around?: { readonly state: string; readonly distance?: number };
}
