//! Libraries of jslib.k6.io that look at the running test.

use crate::program::Folder;

#[test]
fn k6_utils_knows_the_running_stage() {
    let folder = Folder::new();
    folder.write(
        "t.js",
        "import exec from 'k6/execution';
         import { sleep } from 'k6';
         import { tagWithCurrentStageIndex, tagWithCurrentStageProfile } from 'https://jslib.k6.io/k6-utils/1.4.0/index.js';
         export const options = { scenarios: { ramp: { executor: 'ramping-vus', startVUs: 1, stages: [
           { duration: '400ms', target: 2 }, { duration: '600ms', target: 2 }, { duration: '400ms', target: 1 }] } } };
         export default function () {
           tagWithCurrentStageIndex();
           tagWithCurrentStageProfile();
           console.log(`stage ${exec.vu.tags.stage} ${exec.vu.tags.stage_profile}`);
           sleep(0.05);
         }",
    );
    let ended = folder.squall(&["run", "t.js"]).run();
    ended.expect_code(0).expect_stderr("stage 0 ramp-up").expect_stderr("stage 1 steady");
}
