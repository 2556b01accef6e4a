// Four workloads in one run, each with its own function, users and timing.
import http from "swarm/http";
import { sleep } from "swarm";

const target = __ENV.TARGET || "http://127.0.0.1:8080";

export const options = {
  scenarios: {
    // A fixed number of users for a fixed time.
    browse: {
      executor: "constant-vus",
      exec: "browse",
      vus: 3,
      duration: "2s",
    },
    // Users come and go along the stages.
    rush: {
      executor: "ramping-vus",
      exec: "browse",
      startVUs: 0,
      stages: [
        { duration: "1s", target: 5 },
        { duration: "1s", target: 0 },
      ],
      gracefulRampDown: "1s",
      env: { PAGE: "/items/7" },
      tags: { workload: "rush" },
    },
    // Fifty iterations, whoever of the users gets to them.
    shared: {
      executor: "shared-iterations",
      exec: "health",
      vus: 4,
      iterations: 50,
      maxDuration: "10s",
    },
    // Ten iterations for each of two users, one second later.
    each: {
      executor: "per-vu-iterations",
      exec: "health",
      vus: 2,
      iterations: 10,
      startTime: "1s",
      gracefulStop: "5s",
    },
  },
  thresholds: {
    "iterations{scenario:shared}": ["count==50"],
    "iterations{scenario:each}": ["count==20"],
    "http_req_failed{workload:rush}": ["rate==0"],
  },
};

export function browse() {
  http.get(target + (__ENV.PAGE || "/items"));
  sleep(0.05);
}

export function health() {
  http.get(`${target}/health`);
}
