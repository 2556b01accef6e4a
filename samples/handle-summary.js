// handleSummary() takes the place of the usual summary: it gets all results and
// says what is to be printed and written.
import http from "swarm/http";
import { check } from "swarm";
import { textSummary, humanizeValue } from "swarm/summary"; // also as https://jslib.k6.io/k6-summary/0.1.0/index.js

const target = __ENV.TARGET || "http://127.0.0.1:8080";

export const options = {
  vus: 2,
  iterations: 20,
  thresholds: { http_req_failed: ["rate<0.01"], http_req_duration: ["p(95)<2000"] },
};

export default function () {
  check(http.get(`${target}/items`), { "status is 200": (r) => r.status === 200 });
}

export function handleSummary(data) {
  const duration = data.metrics.http_req_duration;
  for (const name of Object.keys(data.metrics)) {
    if (name.startsWith("generator_")) delete data.metrics[name]; // print less
  }
  return {
    stdout: `p95: ${humanizeValue(duration.values["p(95)"], duration)}\n\n` + textSummary(data, { indent: " ", enableColors: false }),
    // "results.json": JSON.stringify(data),
    // "junit.xml": jUnit(data),
  };
}
