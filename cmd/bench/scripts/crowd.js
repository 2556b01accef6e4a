import http from "k6/http";
import { sleep } from "k6";

export const options = {
  vus: Number(__ENV.VUS),
  duration: __ENV.DURATION,
  summaryTrendStats: ["avg", "p(99)", "max"],
};

export default function () {
  http.get(__ENV.TARGET);
  sleep(1);
}
