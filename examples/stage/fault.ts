/**
 * Loaded before an example into the process that is to fail: it is frozen or killed right after it has
 * printed a certain text for the first time. As a long collection of garbage, a moved virtual machine or
 * a kill by the kernel would do it, but at a moment that is the same in each run.
 */
const { FAULT_AFTER = '', FAULT_SIGNAL = 'SIGKILL' } = process.env;
const write = process.stdout.write.bind(process.stdout) as (...words: unknown[]) => boolean;
let isOver = FAULT_AFTER === '';

process.stdout.write = (...words: unknown[]): boolean => {
  const isTaken = write(...words);
  if (!isOver && String(words[0]).includes(FAULT_AFTER)) {
    isOver = true;
    process.kill(process.pid, FAULT_SIGNAL);
  }
  return isTaken;
};
