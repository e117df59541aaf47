export interface ResearchTopic {
  question: string
  parts: readonly {
    question: string
    sources: readonly [title: string, url: string, text: string][]
    finding: string
  }[]
  report: string
}

export const researchTopics: readonly ResearchTopic[] = [
  {
    question: 'Should we offer tent repair as a service, and at what price?',
    parts: [
      {
        question: 'How large is the market for repair of outdoor gear in Germany and the Nordics?',
        sources: [
          [
            'Repair economy report',
            'https://reports.example/repair-2026',
            'Repair of textiles and outdoor gear grew by 11 % a year since 2022; tents are about 6 % of cases.',
          ],
          [
            'Survey of hikers',
            'https://surveys.example/hikers',
            '38 % would rather repair than replace a tent if it took less than two weeks.',
          ],
        ],
        finding: 'The market grows by about 11 % a year; two weeks is what customers accept.',
      },
      {
        question: 'What do competitors charge?',
        sources: [
          [
            'Zeltwerk price list',
            'https://zeltwerk.example/preise',
            'Pole section 19 EUR, zip 45 to 70 EUR, new floor from 120 EUR, turnaround 3 weeks.',
          ],
          [
            'Fjell repair',
            'https://fjell.example/reparasjon',
            'Flat 590 NOK for seams and zips, shipping included, members free once a year.',
          ],
        ],
        finding: 'Zips cost 45 to 70 EUR, one competitor has a flat price with shipping.',
      },
      {
        question: 'What would a repair cost us?',
        sources: [
          [
            'Workshop study',
            'https://intern.example/workshop',
            'A zip takes 50 minutes, a seam 20; materials 6 to 14 EUR.',
          ],
        ],
        finding: 'About 38 EUR for a zip with work and materials.',
      },
    ],
    report:
      'Yes, as a flat price. Demand grows by about 11 % a year and is limited by waiting time rather than by price. A flat 55 EUR with shipping undercuts the two competitors on zips and covers 38 EUR of cost; promise ten working days.',
  },
  {
    question: 'Which materials can replace PFAS coatings in our shell jackets by next autumn?',
    parts: [
      {
        question: 'What does the law require, and when?',
        sources: [
          [
            'EU restriction proposal',
            'https://law.example/pfas',
            'A ban on PFAS in consumer textiles is expected to apply 18 months after it enters into force.',
          ],
          ['National rules', 'https://law.example/fr-dk', 'France and Denmark ban them in clothing earlier.'],
        ],
        finding: 'France and Denmark go first; next autumn is late but possible.',
      },
      {
        question: 'Which alternatives exist and how do they wear?',
        sources: [
          [
            'Comparison of DWR',
            'https://lab.example/dwr',
            'Silicone based finishes lost half of their repellency after 10 washes, hydrocarbon waxes after 5, plasma-bound ones after 30.',
          ],
          ['Supplier sheet', 'https://supplier.example/plasma', 'Plasma-bound finish, minimum 4,000 m, 14 weeks.'],
        ],
        finding: 'Plasma-bound finishes last longest, with 14 weeks of lead time.',
      },
      {
        question: 'What do customers say about PFAS-free jackets?',
        sources: [
          [
            'Forum thread',
            'https://forum.example/dwr',
            'Wets out at the shoulders after a season, easy to reproof, would buy again.',
          ],
        ],
        finding: 'They accept reproofing if they are told.',
      },
      {
        question: 'What would it add to the price of a jacket?',
        sources: [['Cost sheet', 'https://intern.example/costs', '2.10 to 3.40 EUR a jacket at 6,000 pieces.']],
        finding: '2 to 3.50 EUR a jacket.',
      },
    ],
    report:
      'A plasma-bound finish: it lasts 30 washes, adds 2 to 3.50 EUR a jacket and has 14 weeks of lead time, so the order has to be placed by March. Ship a reproofing spray with the first series.',
  },
]
