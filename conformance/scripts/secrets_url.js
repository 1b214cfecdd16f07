//! k6/secrets with the source `url`: what is sent, what is taken from the answer, what is tried again.
//! tries: 2
//! case plain: --secret-source=url=urlTemplate=http://{TARGET}/response-headers?key={key}
//! case path: --secret-source=url=urlTemplate=http://{TARGET}/anything/{key},responsePath=method
//! case deep: --secret-source=url=urlTemplate=http://{TARGET}/anything/{key}?a=deep,responsePath=args.a
//! case number: --secret-source=url=urlTemplate=http://{TARGET}/anything/{key},responsePath=header_list.#
//! case object: --secret-source=url=urlTemplate=http://{TARGET}/response-headers?key={key},responsePath=@this
//! case headers: --secret-source=url=urlTemplate=http://{TARGET}/anything/{key},method=POST,headers.X-One=1,headers.Authorization=me,responsePath=method
//! case no_path: --secret-source=url=urlTemplate=http://{TARGET}/response-headers?key={key},responsePath=nope
//! case not_found: --secret-source=url=urlTemplate=http://{TARGET}/status/404?{key}
//! case busy: --secret-source=url=urlTemplate=http://{TARGET}/status/503?{key},maxRetries=1,retryBackoff=1ms
//! case no_retry: --secret-source=url=urlTemplate=http://{TARGET}/status/503?{key},maxRetries=0
//! case nobody: --secret-source=url=urlTemplate=http://127.0.0.1:1/{key},maxRetries=0
//! case no_json: --secret-source=url=urlTemplate=http://{TARGET}/html?{key},responsePath=a
//! case file: --secret-source=url=config=data/secrets_url.json,urlTemplate=http://{TARGET}/anything/{key}
//! case no_template: --secret-source=url
//! case no_key: --secret-source=url=urlTemplate=http://{TARGET}/anything
//! case bad_setting: --secret-source=url=urlTemplate=http://{TARGET}/{key},nope=1
//! case bad_pair: --secret-source=url=urlTemplate
//! case bad_number: --secret-source=url=urlTemplate=http://{TARGET}/{key},maxRetries=x
//! case negative: --secret-source=url=urlTemplate=http://{TARGET}/{key},maxRetries=-1
//! case bad_duration: --secret-source=url=urlTemplate=http://{TARGET}/{key},timeout=10
//! case bad_limit: --secret-source=url=urlTemplate=http://{TARGET}/{key},requestsPerMinuteLimit=0
//! case bad_burst: --secret-source=url=urlTemplate=http://{TARGET}/{key},requestsBurst=0
//! case no_file: --secret-source=url=config=nope.json
//! case bad_file: --secret-source=url=config=data/secrets.txt
import secrets from 'k6/secrets';

export default async function () {
  for (const key of ['plain', 'a b/c?d=e#f', '%zz', 'plain']) {
    try {
      const secret = await secrets.get(key);
      console.log(key, typeof secret, secret.length, Array.from(secret).join(' '));
    } catch (e) {
      console.log(key, `throws ${e}`);
    }
  }
}
