// Thresholds turn a run into a test: when one fails, swarm exits with 99.
import http from "swarm/http";
import { check } from "swarm";

const target = __ENV.TARGET || "http://127.0.0.1:8080";

export const options = {
  vus: 5,
  iterations: 100,
  thresholds: {
    // Several conditions on one metric; all must hold.
    http_req_duration: ["p(95)<500", "max<2000"],
    // Only the samples with this tag.
    "http_req_duration{name:item}": ["p(99)<500"],
    // A failed request has a status of 400 or more, or no answer at all.
    http_req_failed: ["rate<0.01"],
    // Ends the run early, but not in the first two seconds.
    checks: [{ threshold: "rate>0.9", abortOnFail: true, delayAbortEval: "2s" }],
    http_reqs: ["count==200"],
  },
};

export default function () {
  const list = http.get(`${target}/items`);
  const item = http.get(`${target}/items/1`, { tags: { name: "item" } });
  check(list, { "list answered": (r) => r.status === 200 });
  check(item, { "item answered": (r) => r.status === 200 });
}
