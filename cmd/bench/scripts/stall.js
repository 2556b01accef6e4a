import http from "k6/http";

// Fewer VUs than a stall would need: iterations wait for one, rather than drop.
export const options = {
  scenarios: {
    load: {
      executor: "constant-arrival-rate",
      rate: 500,
      timeUnit: "1s",
      duration: __ENV.DURATION,
      preAllocatedVUs: 50,
      maxIterationDelay: "2s",
    },
  },
  summaryTrendStats: ["med", "p(99)", "max"],
};

export default function () {
  http.get(__ENV.TARGET);
}
