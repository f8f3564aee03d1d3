import type { UserInfo } from './tokens.ts';

/** One request, as it arrives. */
export interface ApiRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** With names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Bytes where it may be something else than text. */
  readonly body?: string | Buffer;
}

/** Where a watch writes its lines. */
export interface WatchSink {
  /** One event and its newline. */
  write(line: string): void;
  /** The server ends the watch in order. */
  end(): void;
}

interface AnswerHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
}

/** A whole answer. */
export interface WholeAnswer extends AnswerHead {
  readonly body: string;
}

/** The answer to a watch: it begins when opened, and goes on until either side ends it. */
export interface WatchAnswer extends AnswerHead {
  /** Writes the initial events at once; the returned function ends the watch. */
  open(sink: WatchSink): () => void;
}

export type ApiAnswer = WholeAnswer | WatchAnswer;

/** A request whose user is known, in parts. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: ApiRequest['headers'];
  readonly body: string;
  readonly user: UserInfo;
}

/** What a request comes to, before it is written as HTTP. */
export interface Result {
  readonly status: number;
  readonly body: object | string;
  /** The content type, where it is not the usual one. */
  readonly type?: string;
  readonly warnings?: readonly string[];
}
