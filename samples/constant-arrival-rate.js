// Fifty iterations begin each second, however long each of them takes: users
// arrive whether or not the target keeps up. VUs only carry iterations; more
// are made, up to maxVUs, when those there are do not suffice.
import http from "swarm/http";
import { check } from "swarm";

const target = __ENV.TARGET || "http://127.0.0.1:8080";

export const options = {
  scenarios: {
    visits: {
      executor: "constant-arrival-rate",
      rate: 50,
      timeUnit: "1s",
      duration: "2s",
      preAllocatedVUs: 5,
      maxVUs: 50,
      // An iteration that finds no free VU waits so long before it is dropped.
      maxIterationDelay: "5s",
    },
  },
  thresholds: {
    iterations: ["count==100"],
    dropped_iterations: [{ threshold: "count==0", noData: "pass" }],
    // From the time at which the iteration was due, waiting for a VU included:
    // what a user would have seen.
    http_req_response_time: ["p(95)<2000"],
  },
};

export default function () {
  const response = http.get(`${target}/items/7`);
  check(response, { "status is 200": (r) => r.status === 200 });
}
