import http from 'k6/http';
export const get = (path) => http.get(__ENV.BASE + path, { headers: { 'X-From': 'module' } });
