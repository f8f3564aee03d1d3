/** ECMA-48 control sequences, and the private ones of xterm that all terminals know. */
const CSI = '\u001b[';

/** The other screen, without cursor and without wrapping. */
export const TAKE = `${CSI}?1049h${CSI}?25l${CSI}?7l`;
/** Everything as it was before. */
export const RESTORE = `${CSI}?7h${CSI}?25h${CSI}?1049l`;
export const HOME = `${CSI}H`;
export const CLEAR_TO_END_OF_LINE = `${CSI}K`;
export const CLEAR_BELOW = `${CSI}J`;
