// Server-Sent Events: a stream read in three ways.
import sse, { EventSource } from "swarm/sse";
import { check } from "swarm";

const target = __ENV.TARGET || "http://127.0.0.1:8080";

export const options = {
  vus: 2,
  iterations: 6,
  thresholds: {
    checks: ["rate==1"],
    http_req_failed: ["rate==0"],
    sse_events: ["count==102"],
    sse_time_to_first_event: ["p(95)<1000"],
  },
};

export default async function () {
  // 1. Handlers, while the script waits: good for simple scripts. The timings of
  // the response tell when its header came (waiting) and how long it lasted.
  const params = { method: "POST", body: JSON.stringify({ stream: true }), tags: { name: "prices" } };
  const prices = [];
  const response = sse.open(`${target}/sse?count=5&interval=5ms&event=price`, params, (client) => {
    client.on("event", (e) => prices.push(`${e.lastEventId} ${e.type} ${JSON.parse(e.data).n}`));
    client.on("error", (e) => console.error(e.error));
  });
  check(response, {
    "five prices": () => prices.length === 5 && prices[4] === "5 price 5",
    "and an end": (r) => r.status === 200 && r.error === "",
  });

  // 2. A loop. Leaving it closes the stream.
  let lines = 0;
  for await (const event of sse.events(`${target}/sse?count=1000&interval=1ms&lines=3`, { tags: { name: "log" }, maxEvents: 10 })) {
    lines += event.data.split("\n").length;
  }
  check(lines, { "ten events of three lines": (n) => n === 30 });

  // 3. EventSource, as in browsers: the iteration ends when the stream has, or
  // when it is closed. With reconnect: true it would ask again, as they do.
  const source = new EventSource(`${target}/sse?count=2&interval=5ms`);
  source.onerror = (e) => console.error(e.error);
  const last = await new Promise((resolve) => {
    source.addEventListener("message", (e) => e.lastEventId === "2" && resolve(e.data));
  });
  check(last, { "the last event": (data) => JSON.parse(data).n === 2 });
  source.close();
}
