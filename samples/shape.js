// A load of any shape: a function is asked each tick how many users there are to
// be. Two waves, then the end.
import http from "swarm/http";
import { sleep } from "swarm";

const target = __ENV.TARGET || "http://127.0.0.1:8080";
const wave = Number(__ENV.WAVE || 2); // seconds

export const options = {
  scenarios: {
    waves: {
      executor: "shape",
      shape: "waves", // the function, below
      tick: "200ms", // how often it is asked
      maxVUs: 30,
      gracefulStop: "2s",
    },
  },
  thresholds: {
    vus: ["value<=30"],
    http_req_failed: ["rate==0"],
    http_reqs: ["count>50"],
  },
};

// now.elapsed are seconds, now.users those at work. A number of users is what
// comes back, and how many may come or go each second on the way (without
// spawnRate: at once). null ends the scenario.
export function waves(now) {
  if (now.elapsed >= 2 * wave) {
    return null;
  }
  const height = Math.sin((now.elapsed / wave) * Math.PI) ** 2;
  return { users: Math.round(2 + 18 * height), spawnRate: 100 };
}

export default function () {
  http.get(`${target}/items`);
  sleep(0.1);
}
