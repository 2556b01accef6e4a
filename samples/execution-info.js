// swarm/execution tells a script where it stands, gives tags to everything a VU
// records, and ends or fails the test.
import http from "swarm/http";
import exec from "swarm/execution";
import { check } from "swarm";

const target = __ENV.TARGET || "http://127.0.0.1:8080";

export const options = {
  scenarios: {
    browse: { executor: "per-vu-iterations", vus: 4, iterations: 5 },
  },
  thresholds: {
    "http_reqs{region:north}": ["count==10"],
    "http_reqs{region:south}": ["count==10"],
    checks: ["rate==1"],
  },
};

export default function () {
  // From here on all samples of this VU bear the tag, in later iterations too.
  exec.vu.tags.region = exec.vu.idInTest % 2 ? "north" : "south";

  const r = http.get(`${target}/items`);
  if (r.status === 0 && exec.scenario.iterationInTest === 0) {
    // Stops this VU at once, past every catch, and the whole test gracefully: exit code 108.
    exec.test.abort(`the target does not answer: ${r.error}`);
  }
  if (r.status >= 500) {
    exec.test.fail("the target had errors"); // goes on, exit code 110
  }
  check(null, {
    "names are known": () => exec.scenario.name === "browse" && exec.scenario.executor === "per-vu-iterations",
    "iterations are counted": () => exec.vu.iterationInScenario < 5 && exec.scenario.iterationInTest < 20,
    "options are settled": () => exec.test.options.scenarios.browse.vus === 4,
    "time passes": () => exec.instance.currentTestRunDuration > 0 && exec.scenario.progress <= 1,
  });
}
