// Drives a real browser with k6's browser module. Squall does not have that module: this template is for k6 itself.
import { browser } from 'k6/browser';
import { check } from 'k6';

const BASE = __ENV.BASE_URL || 'http://127.0.0.1:8000';

export const options = {
  scenarios: {
    ui: {
      executor: 'shared-iterations',
      vus: 1,
      iterations: 1,
      options: { browser: { type: 'chromium' } },
    },
  },
  thresholds: { checks: ['rate==1.0'] },{{ if .ProjectID }}
  cloud: {
    projectID: {{ .ProjectID }},
    name: '{{ .ScriptName }}',
  },{{ end }}
};

export default async function () {
  const page = await browser.newPage();
  try {
    await page.goto(`${BASE}/`);
    const title = await page.title();
    check(title, { 'the page has a title': (t) => t.length > 0 });
  } finally {
    await page.close();
  }
}
