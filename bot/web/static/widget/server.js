/** The two ways to the server. A refused call throws {status}. */
const CALL_MS = 15_000;
// Two pings missed.
const SILENCE_MS = 30_000;

export async function call(base, path, token, body) {
  const response = await fetch(`${base}api/widget/${path}`, {
    method: body ? "POST" : "GET",
    headers: token ? { Authorization: `Bearer ${token}` } : {},
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(CALL_MS),
  });
  if (!response.ok) throw Object.assign(new Error(path), { status: response.status });
  return response.json();
}

export function connect(base, hello, onFrame, onLost) {
  const socket = new WebSocket(`${base.replace(/^http/, "ws")}ws/widget`);
  let watchdog;
  const send = (frame) => socket.readyState === 1 && socket.send(JSON.stringify(frame));
  const close = () => {
    clearTimeout(watchdog);
    socket.onmessage = socket.onclose = null;
    socket.close();
  };
  const lose = () => {
    close();
    onLost();
  };
  const watch = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(lose, SILENCE_MS);
  };
  socket.onopen = () => send(hello);
  socket.onclose = lose;
  socket.onmessage = ({ data }) => {
    watch();
    onFrame(JSON.parse(data));
  };
  watch();
  return { send, close };
}
