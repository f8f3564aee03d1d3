import type { Conversation } from './conversation.ts';

/** A script of requests that both servers must answer alike. */
export interface Case {
  readonly name: string;
  /** The status of each recorded step, so that the case cannot pass by failing early on both. */
  readonly answers: readonly number[];
  readonly run: (api: Conversation) => Promise<unknown>;
}

export function conform(
  name: string,
  answers: readonly number[],
  run: (api: Conversation) => Promise<unknown>,
): Case {
  return { name, answers, run };
}

/** One case for each row: a name, what is answered, and what to send. */
export function conformEach<Input>(
  rows: readonly (readonly [name: string, answers: readonly number[], input: Input])[],
  run: (api: Conversation, input: Input) => Promise<unknown>,
): Case[] {
  return rows.map(([name, answers, input]) =>
    conform(name, answers, async (api) => run(api, input)),
  );
}
