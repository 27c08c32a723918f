// Samples of -1..1 as a WAV file: 16-bit PCM, one channel. Pure.

const HEAD = 44;

export function wav(samples, rate) {
  const view = new DataView(new ArrayBuffer(HEAD + 2 * samples.length));
  const text = (at, letters) => [...letters].forEach((letter, index) => view.setUint8(at + index, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, HEAD - 8 + 2 * samples.length, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, index) => view.setInt16(HEAD + 2 * index, Math.round(Math.max(-1, Math.min(1, sample)) * 32767), true));
  return view.buffer;
}
