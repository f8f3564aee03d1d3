import { readFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { CommandLine } from './messages.ts';

/**
 * What the command is to read. It gets the terminal only when both input and output are one: in
 * `leasehold exec ... | less` it is `less` that needs it.
 */
export function inputOfCommand(): CommandLine['input'] {
  if (!isatty(0)) return 'inherit';
  if (!isForeground()) return 'none';
  return isatty(1) ? 'terminal' : 'inherit';
}

/** Whether this process is in the foreground of its terminal, as far as can be known. */
export function isForeground(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [, , group, , , foregroundGroup] = fields;
    return group === foregroundGroup;
  } catch {
    return true;
  }
}

/**
 * Runs a command in a process group of its own in the foreground of the terminal. Only a process
 * of the terminal's session can arrange that, and Node cannot; a POSIX shell with job control can.
 *
 * The job writes its process id, which is its group, to file descriptor 3, and does not begin
 * before it reads a line from 4. Descriptor 5 is the command's stderr; the shell's own has to be the
 * terminal, as that is where bash looks for it. The job is begun in the background and then brought
 * to the front, as only so bash, unlike dash, gives the terminal to a job of a script.
 *
 * When the job was stopped (128 and a signal from 17 to 22) the shell says so, and waits to be told
 * how to go on. Not in a loop, which bash leaves when a job is stopped.
 */
export const TERMINAL_SCRIPT = `
set -m
sh -c 'echo "$$" >&3; read -r go <&4 || exit 1; exec 3>&- 4<&-; exec "$@" 2>&5 5>&-' leasehold "$@" &
follow() {
  if [ "$1" = fg ]; then fg >/dev/null; else bg >/dev/null; wait %%; fi
  status=$?
  [ "$status" -ge 145 ] && [ "$status" -le 150 ] && jobs %% >/dev/null 2>&1 || exit "$status"
  echo stopped >&3
  read -r where <&4 || exit 1
  follow "$where"
}
follow fg
`;
