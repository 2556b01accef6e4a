// A rush: arrivals rise, stay and ebb away. The number of iterations is the
// area below the curve: 20 while it rises from 0 to 40 per second, 40 while it
// stays there, 20 while it falls.
import http from "swarm/http";

const target = __ENV.TARGET || "http://127.0.0.1:8080";

export const options = {
  scenarios: {
    rush: {
      executor: "ramping-arrival-rate",
      startRate: 0,
      timeUnit: "1s",
      stages: [
        { duration: "1s", target: 40 },
        { duration: "1s", target: 40 },
        { duration: "1s", target: 0 },
      ],
      preAllocatedVUs: 5,
      maxVUs: 50,
      maxIterationDelay: "5s",
    },
  },
  thresholds: {
    iterations: ["count==80"],
    http_req_failed: ["rate==0"],
  },
};

export default function () {
  http.get(`${target}/items`);
}
