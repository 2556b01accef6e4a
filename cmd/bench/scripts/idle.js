import { sleep } from "k6";

// Each VU sleeps once, and no longer than the scenario lasts.
export const options = {
  scenarios: {
    idle: { executor: "per-vu-iterations", vus: Number(__ENV.VUS), iterations: 1, maxDuration: "1h" },
  },
};

export default function () {
  sleep(Number(__ENV.SLEEP));
}
