const LINE_FEED = 0x0a;
const MOST_LINE_BYTES = 8 * 1024 * 1024;

/**
 * Cuts a byte stream into lines, without decoding them: most events of a busy lock are looked at
 * for one attempt id and then dropped.
 */
export class LineSplitter {
  #pending: Buffer[] = [];
  #pendingBytes = 0;

  /** The lines that this chunk completes. */
  push(chunk: Buffer): Buffer[] {
    const lines: Buffer[] = [];
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, start);
      if (end === -1) break;
      const part = chunk.subarray(start, end);
      lines.push(this.#pendingBytes === 0 ? part : Buffer.concat([...this.#pending, part]));
      this.#pending = [];
      this.#pendingBytes = 0;
      start = end + 1;
    }
    if (start < chunk.length) {
      const rest = chunk.subarray(start);
      this.#pending.push(rest);
      this.#pendingBytes += rest.length;
      if (this.#pendingBytes > MOST_LINE_BYTES) throw new Error('a watch event is too large');
    }
    return lines;
  }
}
