// The microphone, asked for before an agent is ready: a question at ring time would lose the call.

let stream;
let device = "";

const WANTED = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const ABSENT = new Set(["NotFoundError", "OverconstrainedError", "NotReadableError"]);

function isLive() {
  return Boolean(stream?.getAudioTracks().some((track) => track.readyState === "live"));
}

// Which one is wanted, by its id; "" for the system's own. Counts from the next `open`.
export function choose(id) {
  device = id;
}

// Throws the browser's own error; `name` NotAllowedError or NotFoundError. A chosen one that is not there is no reason to
// be without any.
export async function open() {
  if (isLive()) return stream;
  if (!navigator.mediaDevices) throw new DOMException("no secure origin", "NotAllowedError");
  stream = await ask();
  return stream;
}

async function ask() {
  const any = { audio: WANTED, video: false };
  if (!device) return navigator.mediaDevices.getUserMedia(any);
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: { ...WANTED, deviceId: { exact: device } }, video: false });
  } catch (error) {
    if (!ABSENT.has(error.name)) throw error;
    return navigator.mediaDevices.getUserMedia(any);
  }
}

export function current() {
  return isLive() ? stream : null;
}

export function unmute() {
  for (const track of stream?.getAudioTracks() ?? []) track.enabled = true;
}

// The wanted one in place of the present one, in a call as well: `connection` is the call's, or null.
export async function swap(connection) {
  if (!isLive()) return;
  const fresh = await ask();
  const [track] = fresh.getAudioTracks();
  const [before] = stream.getAudioTracks();
  track.enabled = before.enabled;
  const sender = connection?.getSenders().find((one) => one.track?.kind === "audio");
  await sender?.replaceTrack(track);
  before.stop();
  stream = fresh;
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
