/** Version 3 brings no types. */
declare module 'signal-exit-3' {
  export default function onExit(callback: () => void): () => void;
}
