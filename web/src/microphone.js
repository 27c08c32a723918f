// The microphone, asked for before an agent is ready: a question at ring time would lose the call.

let stream;

const WANTED = { audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true }, video: false };

function isLive() {
  return Boolean(stream?.getAudioTracks().some((track) => track.readyState === "live"));
}

// Throws the browser's own error; `name` NotAllowedError or NotFoundError.
export async function open() {
  if (isLive()) return stream;
  if (!navigator.mediaDevices) throw new DOMException("no secure origin", "NotAllowedError");
  stream = await navigator.mediaDevices.getUserMedia(WANTED);
  return stream;
}

export function current() {
  return isLive() ? stream : null;
}

export function unmute() {
  for (const track of stream?.getAudioTracks() ?? []) track.enabled = true;
}

export function close() {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = undefined;
}

export async function isGranted() {
  try {
    return (await navigator.permissions.query({ name: "microphone" })).state === "granted";
  } catch {
    return false;
  }
}
