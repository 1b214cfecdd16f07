//! Values of controls and forms.
import { parseHTML } from 'k6/html';
import { page } from './lib/page.js';
import { sorted } from './lib/sorted.js';

export default function () {
  const doc = parseHTML(page);
  const form = doc.find('#f');
  console.log(JSON.stringify(form.serializeArray()));
  console.log(sorted(form.serializeObject()));
  console.log(form.serialize());
  console.log(JSON.stringify(doc.find('input').serializeArray()), doc.find('select').serialize(), doc.find('p').serialize() === '', JSON.stringify(doc.find('nothing').serializeArray()));
  for (const selector of ['[name=text]', '[name=nothing]', '[name=on]', '[name=cv]', '[name=r]', '[name=one]', '[name=many]', '[name=area]', 'option', 'option[selected]', '[name=go]', '[name=other]', 'p', 'nothing']) {
    console.log(selector, JSON.stringify(doc.find(selector).val()));
  }
  const odd = parseHTML('<form><select name=a><option>1</select><select name=b multiple></select><keygen name=k><button name=n>x</button><input name="d" type="RADIO"><input name=e value="ä &"><input name=e value=2><textarea name=t></textarea></form>');
  console.log(JSON.stringify(odd.find('form').serializeArray()), odd.find('form').serialize());
}
