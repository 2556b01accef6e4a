// fetch as browsers and Node have it, measured like any other request.
import { check } from "swarm";

const target = __ENV.TARGET || "http://127.0.0.1:8080";

export const options = {
  vus: 2,
  iterations: 10,
  thresholds: { checks: ["rate==1"], http_req_failed: ["rate==0"] },
};

export default async function () {
  const response = await fetch(`${target}/items`, { headers: { Accept: "application/json" } });
  const items = await response.json();
  check(response, { "it is fine": (r) => r.ok && items.length === 20, "and quick": (r) => r.timings.duration < 5000 });

  // tags is swarm's own, as it is for http.get.
  const echoed = await fetch(`${target}/echo`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ hello: "world" }),
    tags: { name: "echo" },
    signal: AbortSignal.timeout(10_000),
  });
  check(await echoed.json(), { "what was sent came back": (r) => JSON.parse(r.body).hello === "world" });

  // All at once.
  const all = await Promise.all([1, 2, 3].map(async (id) => (await fetch(`${target}/items/${id}`)).json()));
  check(all, { "each is the one asked for": (list) => list.every((item, i) => item.id === i + 1) });

  // A redirect is followed unless it shall not be.
  const redirected = await fetch(`${target}/redirect/1`, { redirect: "manual" });
  check(redirected, { "the redirect itself": (r) => r.status === 302 && r.headers.get("location") === "/redirect/0" });

  // What is given up in time is not even sent.
  const controller = new AbortController();
  controller.abort();
  const error = await fetch(`${target}/items`, { signal: controller.signal }).catch((e) => e);
  check(error, { "it was aborted": (e) => e.name === "AbortError" });
}
