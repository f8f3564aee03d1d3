/** Something that happened in the demo, for people. */
export type DemoEvent =
  | { readonly type: 'server'; readonly url: string; readonly kubeconfig: string }
  | {
      readonly type: 'started';
      readonly worker: string;
      readonly pid: number;
      readonly replaced: string | undefined;
    }
  | {
      readonly type: 'holds';
      readonly worker: string;
      readonly fence: bigint;
      readonly queue: readonly string[];
      readonly handover: { readonly from: string; readonly ms: number } | undefined;
    }
  | { readonly type: 'leads'; readonly worker: string; readonly fence: bigint }
  | {
      readonly type: 'died';
      readonly worker: string;
      readonly signal: string;
      readonly held: boolean;
      readonly led: boolean;
    }
  | { readonly type: 'ended'; readonly worker: string }
  | { readonly type: 'frozen'; readonly worker: string }
  | { readonly type: 'thawed'; readonly worker: string; readonly ms: number }
  | {
      readonly type: 'recovered';
      readonly what: 'lock' | 'leadership';
      readonly from: string;
      readonly worker: string;
      readonly ms: number;
    }
  | {
      readonly type: 'refused';
      readonly worker: string;
      readonly what: 'account' | 'leader';
      readonly fence: bigint;
      readonly highest: bigint;
    };

/** With the time since the demo's start, in milliseconds. */
export interface TimedEvent {
  readonly at: number;
  readonly event: DemoEvent;
}
