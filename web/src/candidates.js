// When what a phone says of its addresses (SDP) may go to Asterisk. They come one by one, in any order, and Asterisk uses UDP
// only: told of none that it can use, its side never begins and both hear nothing, for as long as the call lasts. So all are
// waited for, which are this machine's own and come within milliseconds since no server is asked.
const SLOW_MS = 500;

// A handler of JsSIP's icecandidate. JsSIP itself calls `ready` after the last one.
export function allAddresses() {
  let timer;
  return ({ candidate, ready }) => {
    if (candidate.protocol === "udp") timer ??= setTimeout(ready, SLOW_MS);
  };
}
