// A headless Chromium driven over a pipe by the Chrome DevTools Protocol
// (https://chromedevtools.github.io/devtools-protocol/): one browser, tabs in it.
"use strict";
const { spawn } = require("child_process");
const fs = require("fs");
const os = require("os");
const path = require("path");

class Browser {
  constructor(program) {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), "moontide-page-"));
    this.process = spawn(program, ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
      "--no-first-run", "--hide-scrollbars", "--remote-debugging-pipe", "--user-data-dir=" + this.folder],
    { stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"] });
    this.errors = "";
    this.process.stderr.on("data", (text) => { this.errors = (this.errors + text).slice(-4000); });
    this.waiting = new Map();
    this.tabs = new Map(); // by session
    this.number = 0;
    let left = "";
    this.process.stdio[4].setEncoding("utf8");
    this.process.stdio[4].on("data", (text) => {
      const messages = (left + text).split("\0");
      left = messages.pop();
      messages.forEach((message) => this.take(JSON.parse(message)));
    });
    this.process.on("exit", () => {
      for (const { fail } of this.waiting.values()) fail(new Error("the browser ended: " + this.errors));
    });
  }

  take(message) {
    const one = this.waiting.get(message.id);
    if (one) {
      this.waiting.delete(message.id);
      if (message.error) one.fail(new Error(JSON.stringify(message.error)));
      else one.done(message.result);
    } else {
      const tab = this.tabs.get(message.sessionId);
      if (tab) tab.hear(message);
    }
  }

  send(method, params, sessionId) {
    return new Promise((done, fail) => {
      const id = ++this.number;
      this.waiting.set(id, { done, fail });
      this.process.stdio[3].write(JSON.stringify({ id, method, params: params || {}, sessionId }) + "\0");
    });
  }

  // A new tab whose complaints and requests are kept: { complaints, requests }. One that is apart is as one of
  // another browser: it shares no connections with the others.
  async open(isApart) {
    const apart = isApart ? await this.send("Target.createBrowserContext") : {};
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank", ...apart });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const tab = new Tab(this, sessionId, targetId);
    this.tabs.set(sessionId, tab);
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await tab.send(domain + ".enable");
    return tab;
  }

  async close() {
    const ended = new Promise((done) => this.process.on("exit", done));
    this.send("Browser.close").catch(() => {});
    await ended;
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

class Tab {
  constructor(browser, session, target) {
    Object.assign(this, { browser, session, target, complaints: [], requests: [], loaded: null });
  }

  send(method, params) { return this.browser.send(method, params, this.session); }

  hear({ method, params }) {
    if (method === "Page.loadEventFired" && this.loaded) this.loaded();
    if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
    if (method === "Runtime.exceptionThrown") {
      const details = params.exceptionDetails;
      this.complaints.push(details.exception && details.exception.description || details.text);
    }
    if (method === "Log.entryAdded" && params.entry.level === "error") this.complaints.push(params.entry.text);
    if (method === "Runtime.consoleAPICalled" && params.type === "error")
      this.complaints.push(params.args.map((one) => one.value || one.description).join(" "));
  }

  load(file) { return this.go("file://" + file); }

  async go(url) {
    const loaded = new Promise((done) => { this.loaded = done; });
    await this.send("Page.navigate", { url });
    await loaded;
  }

  // Waits until an expression in the page is true, at most a minute: was it?
  async becomes(expression) {
    for (let i = 0; i < 600; i++) {
      if (await this.value(expression)) return true;
      await new Promise((done) => setTimeout(done, 100));
    }
    return false;
  }

  // The value of an expression in the page; a promise is awaited.
  async value(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate",
      { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception.description || exceptionDetails.text);
    return result.value;
  }

  // Two frames later what was asked for has been painted.
  painted() { return this.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))"); }

  mouse(type, x, y, more) {
    return this.send("Input.dispatchMouseEvent", { type, x, y, button: type === "mouseMoved" ? "none" : "left",
      clickCount: type === "mouseMoved" ? 0 : 1, ...more });
  }

  async size(width, height) {
    await this.send("Emulation.setDeviceMetricsOverride",
      { width, height, deviceScaleFactor: 1, mobile: width < 600 });
    await this.painted();
  }

  async scheme(name) {
    await this.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: name }] });
    await this.painted();
  }

  async screenshot(file, whole) {
    const { data } = await this.send("Page.captureScreenshot", { captureBeyondViewport: whole });
    fs.writeFileSync(file, Buffer.from(data, "base64"));
  }

  async close() {
    this.browser.tabs.delete(this.session);
    await this.browser.send("Target.closeTarget", { targetId: this.target });
  }
}

module.exports = { Browser };
