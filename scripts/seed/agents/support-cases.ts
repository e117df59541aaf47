/** What people write to a shop for outdoor things. `{{ order }}` and such are filled in for each of them. */
export interface SupportCase {
  language: string
  topic: string
  /** Titles and texts of the help centre that a search finds. */
  articles: readonly [title: string, text: string][]
  turns: readonly SupportTurn[]
}

export interface SupportTurn {
  ask: string
  /** The tools that it takes, one after the other, after the order was looked up. */
  tools?: readonly [name: string, given: object, result: object][]
  needsOrder?: boolean
  answer: string
  outcome: string
}

const parcels: [string, string] = [
  'Where is my parcel?',
  'Parcels inside the EU take 2 to 4 working days, to Norway and Switzerland 4 to 7. A tracking link is mailed when the parcel leaves Lübeck. If the link has not moved for 7 days we send a replacement.',
]
const returns: [string, string] = [
  'Returns and exchanges',
  'You may return unused things within 30 days (gold: 60). Print the label from your account or ask us for one. Exchanges are a return and a new order; the new order ships at once for gold members.',
]
const stoves: [string, string] = [
  'Stoves: flame is weak or yellow',
  'Let the canister warm to 10 °C, clean the jet with the needle from the repair kit, and check the O-ring for cracks. Stove valves have 5 years of warranty. Never open the valve block yourself.',
]
const poles: [string, string] = [
  'Tent poles: splitting and replacement',
  'A split pole section can be sleeved in the field with the repair tube. Sections are sold singly; poles have 5 years of warranty. Send a photo of the printed code at the ferrule.',
]
const refunds: [string, string] = [
  'When do I get my money back?',
  'Within 5 working days of the arrival of your return, the way you paid. Bank holidays count as weekends. PayPal is usually faster, instalments are recalculated by the bank.',
]

export const supportCases: readonly SupportCase[] = [
  {
    language: 'en',
    topic: 'late parcel',
    articles: [parcels, refunds, returns],
    turns: [
      {
        ask: 'Hi, my order #{{ order }} was supposed to be here on Tuesday and the tracking page has said "in transit" ever since. We leave for the Lofoten on Saturday. Where is it?',
        needsOrder: true,
        tools: [['track_parcel', { tracking_id: '{{ parcel }}' }, { scans: [{ at: 'Hamburg hub', state: 'sorted' }] }]],
        answer:
          'Your parcel left the hub in Hamburg this morning and is on its way to the local depot, so it should reach you within two working days [Where is my parcel?]. I am sorry for the worry before your trip. If there is no new scan by tomorrow evening, write to me here and I will send a replacement by express.',
        outcome: 'resolved',
      },
      {
        ask: 'Still no scan. Can you send the replacement now please?',
        needsOrder: true,
        tools: [
          [
            'open_ticket',
            { subject: 'Express replacement {{ order }}', urgency: 'high' },
            { ticket: 'T-{{ ticket }}' },
          ],
        ],
        answer:
          'I have asked a colleague to send the replacement by express today (ticket T-{{ ticket }}). You will get a new tracking link before 17:00, and you need not send the first parcel back: refuse it at the door if it comes.',
        outcome: 'escalated',
      },
      { ask: 'Brilliant, thank you!', answer: 'With pleasure. Have a good time on the Lofoten!', outcome: 'resolved' },
    ],
  },
  {
    language: 'en',
    topic: 'weak stove',
    articles: [stoves, returns],
    turns: [
      {
        ask: 'The Polaris stove I bought in spring burns yellow and takes 12 minutes for a litre. Is it broken?',
        answer:
          'Probably not broken: a yellow flame mostly means a cold canister or a dirty jet. Warm the canister to about 10 °C, clean the jet with the needle from the repair kit and look at the O-ring for cracks [Stoves: flame is weak or yellow]. Please do not open the valve block. Does it burn blue afterwards?',
        outcome: 'resolved',
      },
      {
        ask: 'Cleaned it, warm canister, O-ring fine. Same yellow flame. Order was #{{ order }}.',
        needsOrder: true,
        tools: [['start_return', { order_id: '{{ order }}', reason: 'valve, warranty' }, { label: 'mailed' }]],
        answer:
          'Then it is the valve, and that is covered for 5 years. I have mailed you a free return label; our workshop needs about a week and sends it back with a new O-ring.',
        outcome: 'return started',
      },
    ],
  },
  {
    language: 'en',
    topic: 'wrong size',
    articles: [returns, refunds],
    turns: [
      {
        ask: 'Order {{ order }}: the shell jacket is too small. I would like M instead of S. Do I pay for the return?',
        needsOrder: true,
        tools: [['start_return', { order_id: '{{ order }}', reason: 'size' }, { label: 'mailed', free: true }]],
        answer:
          'No, the label I have just mailed you is free. An exchange is a return and a new order [Returns and exchanges]: order the M whenever you like, and the money for the S comes back within 5 working days of its arrival.',
        outcome: 'return started',
      },
    ],
  },
  {
    language: 'de',
    topic: 'Rückerstattung',
    articles: [refunds, returns],
    turns: [
      {
        ask: 'Guten Tag, ich habe den Rucksack aus Bestellung #{{ order }} vor zwei Wochen zurückgeschickt und noch kein Geld gesehen. Können Sie bitte nachsehen? Grüße, {{ customer }}',
        needsOrder: true,
        tools: [
          ['refund', { order_id: '{{ order }}', amount_eur: 149.9, reason: 'return arrived' }, { refunded_eur: 149.9 }],
        ],
        answer:
          'Guten Tag {{ customer }}, Ihre Rücksendung ist am Montag bei uns angekommen, die Erstattung war leider liegen geblieben. Ich habe die 149,90 € soeben angewiesen; sie sind spätestens in 5 Werktagen auf demselben Weg bei Ihnen [When do I get my money back?]. Entschuldigen Sie bitte die Verzögerung.',
        outcome: 'refunded',
      },
      {
        ask: 'Danke. Und die Versandkosten?',
        answer:
          'Versandkosten erstatten wir nur, wenn der Fehler bei uns lag. Da die Verzögerung unser Fehler war, schreibe ich Ihnen einen Gutschein über 5,90 € gut.',
        outcome: 'resolved',
      },
    ],
  },
  {
    language: 'ja',
    topic: 'ポールの修理',
    articles: [poles, returns],
    turns: [
      {
        ask: 'テント「フィヨルド2」のポールが風で割れてしまいました。注文番号は{{ order }}です。部品だけ買えますか？',
        needsOrder: true,
        answer:
          'ご不便をおかけして申し訳ございません。ポールは5年間の保証対象です [Tent poles: splitting and replacement]。フェルール部分に印字されたコードの写真をお送りいただければ、同じ節を無料でお送りします。応急処置には付属の修理チューブをお使いください。',
        outcome: 'waiting for customer',
      },
      {
        ask: '写真を送りました。コードは FJ2-8.7 です。',
        needsOrder: true,
        tools: [['open_ticket', { subject: 'ポール交換 FJ2-8.7', urgency: 'normal' }, { ticket: 'T-{{ ticket }}' }]],
        answer: 'ありがとうございます。交換用の節を手配しました（受付番号 T-{{ ticket }}）。4〜7日でお届けします。',
        outcome: 'resolved',
      },
    ],
  },
  {
    language: 'es',
    topic: 'pedido dañado',
    articles: [returns, refunds],
    turns: [
      {
        ask: '¡Hola! El pedido #{{ order }} llegó con la cremallera de la tienda rota 😕 ¿Qué hago?',
        needsOrder: true,
        answer:
          'Lo siento mucho. Envíeme por favor una foto de la cremallera y dígame qué prefiere: otra tienda o la devolución del dinero. En ambos casos la devolución no le cuesta nada [Returns and exchanges].',
        outcome: 'waiting for customer',
      },
    ],
  },
  {
    language: 'ar',
    topic: 'تغيير العنوان',
    articles: [parcels],
    turns: [
      {
        ask: 'مرحبا، هل يمكنني تغيير عنوان التوصيل للطلب {{ order }}؟ انتقلت الأسبوع الماضي.',
        needsOrder: true,
        tools: [
          ['open_ticket', { subject: 'تغيير العنوان {{ order }}', urgency: 'high' }, { ticket: 'T-{{ ticket }}' }],
        ],
        answer:
          'نعم، لم تغادر الشحنة المستودع بعد. فتحتُ تذكرة برقم T-{{ ticket }} وسيتواصل معك زميل خلال يوم عمل واحد لتأكيد العنوان.',
        outcome: 'escalated',
      },
    ],
  },
  {
    language: 'zh',
    topic: '炉头保养',
    articles: [stoves],
    turns: [
      {
        ask: '你好，北极星炉头用了一年，火焰变黄，需要怎么清洁？',
        answer:
          '您好！火焰发黄通常是气罐太冷或喷嘴堵塞。请先把气罐回温到10 °C左右，再用维修包里的通针清洁喷嘴，并检查O型圈是否有裂纹 [Stoves: flame is weak or yellow]。请不要自行拆开阀体。',
        outcome: 'resolved',
      },
    ],
  },
]
