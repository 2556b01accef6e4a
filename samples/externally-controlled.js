// Nothing but a number of users that somebody else controls: press + and - while
// it runs, p to pause, or use the API:
//
//   swarm run --address 127.0.0.1:6565 samples/externally-controlled.js
//
// As one of two scenarios, the other of which begins when the first has ended.
import http from "swarm/http";
import { sleep } from "swarm";

const target = __ENV.TARGET || "http://127.0.0.1:8080";

export const options = {
  scenarios: {
    warm: {
      executor: "shared-iterations",
      vus: 2,
      iterations: 10,
      exec: "warm",
    },
    steered: {
      executor: "externally-controlled",
      startAfter: "warm", // when warm has ended, however long that takes
      startTime: "200ms", // and a moment later
      vus: 2, // to begin with
      maxVUs: 50, // never more
      duration: __ENV.DURATION || "2s", // "0s": until stopped
    },
  },
  thresholds: {
    "iterations{scenario:warm}": ["count==10"],
    http_req_failed: ["rate==0"],
  },
};

export function warm() {
  http.get(`${target}/health`);
}

export default function () {
  http.get(`${target}/items`);
  sleep(0.1);
}
