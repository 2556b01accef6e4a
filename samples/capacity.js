// Searches the highest arrival rate at which the thresholds hold: rates double
// until one breaks them, the interval is halved, and what is left is held for a
// while. The summary tells each step and why it ended there.
import http from "swarm/http";
import { check } from "swarm";

const target = __ENV.TARGET || "http://127.0.0.1:8080";

export const options = {
  scenarios: {
    search: {
      executor: "capacity",
      rate: 20, // requests per second: the first that is tried
      maxRate: Number(__ENV.MAX_RATE || 80), // not to be exceeded
      minRate: 20, // less than that, and the test has failed
      preAllocatedVUs: 20,
      maxVUs: 200,
      // Short, for a first look. Without these three a rate is tried for 10 s,
      // of which 2 s settle, and held for 30 s in the end.
      step: __ENV.STEP || "2s",
      settle: __ENV.SETTLE || "500ms",
      hold: __ENV.HOLD || "3s",
      precision: 0.1,
    },
  },
  thresholds: {
    // From when a request was due, so that waiting for a free VU counts too.
    http_req_response_time: ["p(95)<500"],
    http_req_failed: ["rate<0.01"],
    checks: ["rate>0.99"],
  },
};

export default function () {
  const list = http.get(`${target}/items`);
  check(list, { "list answered": (r) => r.status === 200 });
}
