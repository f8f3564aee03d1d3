import { systemClock } from '../client/system-clock.ts';
import { Command } from './watched-command.ts';
import { machineNow } from './messages.ts';
import type { Deadline, FromWatchdog, ToWatchdog } from './messages.ts';
import { FORWARDED_SIGNALS } from './signals.ts';
import { say } from './stderr.ts';

/**
 * The process between `leasehold exec` and its command. It is the command's parent, so that the
 * command never runs unwatched, and ends it by itself when the deadline that it was last told has
 * passed or `leasehold exec` is gone: that holds whatever has become of `leasehold exec`, be it
 * killed, stopped or stalled.
 *
 *     idle --start--> running --the command ends--> leftovers --its group is gone--> ended
 *                     running, leftovers --deadline | end | exec is gone--> ending --> ended
 *
 * It imports as little as possible: one of these runs beside each command.
 */

/** How late a suspend of the machine is noticed at most, after it has woken up. */
const TICK_MS = 250;

const clock = systemClock();
let command: Command | undefined;
let deadline: Deadline = { validUntil: 0, killAt: 0 };

function receive(message: ToWatchdog): void {
  switch (message.type) {
    case 'start':
      deadline = toOwnClock(message.deadline);
      start(message);
      break;
    case 'extend':
      if (!command?.ending) deadline = toOwnClock(message.deadline);
      break;
    case 'end':
      terminate(toOwnClock({ validUntil: 0, killAt: message.killAt }).killAt);
      break;
    case 'signal':
      command?.signal(message.signal);
      break;
    case 'resume':
      command?.resume(message.foreground);
      break;
  }
}

function start({ line }: Extract<ToWatchdog, { type: 'start' }>): void {
  if (clock.now() >= deadline.validUntil) {
    send({ type: 'ended', code: null, signal: null, terminated: true, leftovers: false });
    return;
  }
  command = new Command(line, {
    tell: send,
    // What the command leaves behind may take as long as a lost lock would leave it.
    isLate: () => clock.now() >= deadline.killAt,
  });
  watch();
}

function watch(): void {
  if (!command || command.ending) return;
  const left = deadline.validUntil - clock.now();
  if (left <= 0) terminateUnasked();
  else setTimeout(watch, Math.min(left, TICK_MS));
}

function terminate(killAt: number): void {
  deadline = { validUntil: 0, killAt: Math.min(killAt, deadline.killAt) };
  command?.terminate();
}

/** What happened to leasehold is unknown; it may be gone, or stopped. */
function terminateUnasked(): void {
  command?.abandonTerminal();
  terminate(deadline.killAt);
}

/**
 * On the clock of this process, which counts the time in which the machine was suspended. Being
 * interrupted between the two readings makes it earlier, never later.
 */
function toOwnClock({ validUntil, killAt }: Deadline): Deadline {
  const own = clock.now();
  const machine = machineNow();
  return { validUntil: own + validUntil - machine, killAt: own + killAt - machine };
}

function send(message: FromWatchdog): void {
  const last = message.type === 'ended' || message.type === 'failed';
  if (!process.connected) {
    if (last) process.exit();
    return;
  }
  process.send?.(message, () => {
    if (last) process.exit();
  });
}

process.on('message', receive);
process.on('disconnect', () => {
  if (!command) process.exit();
  if (!command.ending) say('leasehold itself is gone: ending the command that the lock protected');
  terminateUnasked();
});
// They come to the command by way of leasehold; a whole group, or all of a container, may get them.
for (const signal of [...FORWARDED_SIGNALS, 'SIGTSTP'] as const)
  process.on(signal, () => undefined);
process.title = 'leasehold-watchdog';
