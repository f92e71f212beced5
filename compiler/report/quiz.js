// The page of `gmc quiz --browser`: one picture at a time, real or made by the model. What it was is told once it is answered; the page
// knows no sooner.

let quiz;         // as the server has it: see commands_quiz_page.c
let busy = false;  // while an answer is on its way

async function picture(question) {
  const bytes = new Uint8Array(await (await fetch('picture?question=' + question)).arrayBuffer());
  const { height, width, channels } = quiz, canvas = make('canvas', { width, height, class: 'pixels' }), c = canvas.getContext('2d');
  const image = c.createImageData(width, height);
  for (let i = 0; i < height * width; i++) {
    for (let k = 0; k < 3; k++) image.data[4 * i + k] = bytes[i * channels + (channels === 3 ? k : 0)];
    image.data[4 * i + 3] = 255;
  }
  c.putImageData(image, 0, 0);
  return canvas;
}

async function ask(path, fields = {}) {
  if (busy) return;
  busy = true;
  try {
    quiz = await (await fetch(path, path === 'quiz' ? {} : { method: 'POST', body: new URLSearchParams(fields) })).json();
    await draw();
  } catch {
    byId('state').textContent = 'gmc quiz does not answer: it may have been ended';
  }
  busy = false;
}

const answer = said => ask('answer', { question: quiz.answers.length, said });

// A letter an answer: R and M what was told, r and m what was taken for the other.
const verdict = letter => ({ R: 'real, and you said so', M: 'made, and you said so', r: 'real, and you took it for made', m: 'made, and you took it for real' })[letter];

async function draw() {
  const n = quiz.answers.length, body = byId('quiz');
  byId('title').textContent = document.title = quiz.model + ': real, or made by the model?';
  byId('where').textContent = `${quiz.questions} pictures of ${quiz.of}, held-out data and the model's mixed`;
  byId('state').textContent = n ? `the last one was ${verdict(quiz.answers.at(-1))}` : '';
  if (quiz.over) return result(body);
  const button = (said, text, letter) => make('button', { class: 'choice', id: said, onclick: () => answer(said) }, text, make('kbd', {}, letter));
  body.replaceChildren(make('p', {}, `${n + 1} of ${quiz.questions}`), await picture(n),
    make('p', { class: 'controls' }, button('real', 'real', 'r'), button('made', 'made', 'm'),
      make('button', { id: 'stop', onclick: () => ask('stop') }, 'stop here')));
}

async function result(body) {
  const cells = [];
  for (let i = 0; i < quiz.answers.length; i++) cells.push(make('figure', { class: 'small' }, await picture(i), make('figcaption', {}, verdict(quiz.answers[i]))));
  body.replaceChildren(...quiz.told.map(line => make('p', {}, line)), make('div', { class: 'gallery' }, ...cells));
}

document.body.append(make('div', { id: 'quiz' }));
document.addEventListener('keydown', e => {
  if (!quiz || quiz.over || e.repeat || e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.key === 'r') answer('real');
  if (e.key === 'm') answer('made');
});
ask('quiz');
